"""The main job on real input, end to end: what `mazu-ls demo` shows, and the scripted model server that it talks to."""
