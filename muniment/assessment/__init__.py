"""Pure: results and catalogue in, requirement states and scores out."""
