# SPDX-License-Identifier: GPL-3.0-or-later
# Everything in this folder imports trytond, which is GPL-3, and is therefore GPL-3 itself. It runs only in the Tryton
# environment (see ../requirements.in), as subprocesses of sandbox.tryton; nothing else in Meridian imports it.
"""What runs inside the Tryton environment."""
