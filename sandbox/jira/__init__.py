"""A stand-in for Jira Cloud that takes tasks: projects, issues with labels, comments, a workflow, and an index that is behind. It keeps the vendor's
documented rules where an automation meets them; boards, administration and reads of a whole site are not in it. Pages cited are those of
developer.atlassian.com/cloud/jira/platform.
"""
