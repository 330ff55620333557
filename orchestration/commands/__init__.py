"""One module a command of `daybreak`."""
