"""The ranker's features, its training, and the gate that a new model must pass."""
