"""Repair: what can be read is saved, what is damaged is moved out of the way, what others have is taken from them.

`plan_repair` looks and decides, `RepairPlan.execute` writes new packs, swaps the root, and moves what was damaged to
quarantine when that is durable. Nothing is deleted.
"""
