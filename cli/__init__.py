"""The command line and nothing else: options, rendering, exit statuses. Only it may import the sandbox."""
