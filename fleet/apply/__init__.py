"""From a ResourceGraph to the objects that it stands for, on the cluster that it is on.

Takes graphs and live objects; gives applied, pruned and torn down objects, the inventory of them, and the graph's
status. Never deletes what the inventory does not name and the object's own label does not confirm, and never takes
"cannot be seen" for "gone".
"""
