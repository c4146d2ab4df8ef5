"""Sources: one for each agent. A source finds the agent's files, and reads them as contexts and messages."""
