"""Append-only facts about what the fleet did and why, and the queries over them.

Takes writes (before and after they happen) and decisions, and makes them durable in groups; gives them back by
cluster, Transform, instance, node, object, time and outcome. Never changes a fact, and deletes only old ones.
"""
