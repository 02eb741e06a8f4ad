"A consortium across machines, on Flower: processes, homes, messages, the server, the commands."
