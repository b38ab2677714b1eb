"""Where the emotion comes from, and how it changes over the speech: sources, timelines, takes. Samples nothing."""
