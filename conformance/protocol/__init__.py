"""Questions and answers as lines of JSON, so that an implementation in any language is judged."""
