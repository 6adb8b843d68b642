"""What Meridian does at night. Start reading at nightly.py."""
