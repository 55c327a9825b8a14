"""HTTP to servers that may hang, lie or be something else: every exchange bounded, every failure named."""
