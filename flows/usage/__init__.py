"""From events to usage lines, and the questions that people ask about them."""
