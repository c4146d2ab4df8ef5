"""The guided tour of `ctx demo`: runs real commands on the home folder of a sample agent."""
