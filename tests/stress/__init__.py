"""Cases at the edge of what numbers can do, with truths from elsewhere, and how often the bars that we report hold them."""
