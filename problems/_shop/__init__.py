"""What the scheduling problems share: operations of jobs on machines, one after the other.

A *work list* ``jobs[j][p]`` holds the alternatives of operation p of job j, each a pair (machine,
duration) of whole numbers; a job shop has one alternative each. A `Plan` says when and where.
"""
