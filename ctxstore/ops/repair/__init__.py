"""The repair of a damaged repository.

A repair keeps what is readable, takes missing objects from elsewhere, and moves damaged files to quarantine.
`plan_repair` only reads and decides. `RepairPlan.execute` writes new packs and swaps the root. When that is durable, it
moves the damaged files. Nothing is deleted.
"""
