"A consortium across machines, on Flower: nodes, messages, homes, the server, the commands."
