"""The two samplers, written as the paper's loops: networks and conditions in, latents out.

They load nothing and decode nothing.
"""
