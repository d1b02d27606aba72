"""Wiring only: builds the rooms, supervises one engagement per cluster, and says how it is doing.

Takes settings; gives a running hub. Decides nothing about what belongs on a cluster.
"""
