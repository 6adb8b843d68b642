"""A stand-in for Asana that takes tasks: an app with its tokens, projects, tasks with external data, stories. It keeps the vendor's documented rules where an
automation meets them. Pages cited are those of developers.asana.com.
"""
