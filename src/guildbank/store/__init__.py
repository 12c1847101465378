"""What is for sale: coin packs and their prices."""
