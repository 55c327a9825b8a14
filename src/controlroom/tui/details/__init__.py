"""What is shown of one thing when it is opened: a module per family of things."""
