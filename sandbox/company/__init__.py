"""The sandbox company: `story.write_plan` tells its history, `truth.truth` says what is true about it."""
