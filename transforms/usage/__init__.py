"""From events to usage: meters, periods and lines."""
