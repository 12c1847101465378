"""Measures Guildbank against ceilings and peers that run on the same machine in the same minutes."""
