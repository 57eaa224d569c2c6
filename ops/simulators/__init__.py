"""Simulated partners and a simulated storefront, as real servers in their own process.

They share no code with the product: a shared codec would hide shared mistakes.
See docs/simulators.md.
"""
