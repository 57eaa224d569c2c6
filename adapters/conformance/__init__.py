"""The conformance kit: what every kind of channel and partner must do, as tests to derive from.

A test module of a kind derives `ChannelConformance` or `PartnerConformance`, gives it what only the
kind knows (how its messages are signed, which there are), and pytest runs the rest.
"""
