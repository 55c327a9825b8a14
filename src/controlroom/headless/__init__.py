"""The room without a screen: plain text and JSON on stdout, diagnostics on stderr."""
