"""The collector: one process that polls for everybody and tells the room to any number of screens.

Several of them are one collector: the lease says which leads. Those that stand by probe nothing: they hear
what the leader tells, as a screen does, and go on from there when it is their turn. So the services that are
watched are asked once, however many collectors and screens there are, and nothing that was known is lost.
"""
