"""What a loop must hold to, and how that is kept while the network writes."""
