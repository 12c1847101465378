"""Measures Guildbank against ceilings and peers on the same machine in the same minutes."""
