"""What runs when an agent calls: a hook answers at once, and a process of its own saves the session.

`start` is all that the agent waits for. `request` says what a call asks for, `queue` keeps it until it is done,
`work` does it, `failures` notes what went wrong.
"""
