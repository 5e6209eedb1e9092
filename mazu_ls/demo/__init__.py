"""The demo of `mazu-ls demo`, end to end on real input, and the scripted model server that it uses."""
