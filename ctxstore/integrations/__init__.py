"""What ctxstore adds to the agents themselves."""
