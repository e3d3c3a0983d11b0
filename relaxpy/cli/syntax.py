"""Whether a text is Python at all, in Python's own words."""

from __future__ import annotations

import ast
import warnings

from relaxpy.errors import RelaxSyntaxError

__all__ = ["checked_python"]


def checked_python(text: str, filename: str) -> ast.Module:
    """The tree of a module's text; what this Python would not compile is an error that shows the line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of doubtful escapes and the like: they are the author's own affair
        try:
            tree = ast.parse(text, filename)
            compile(tree, filename, "exec", dont_inherit=True)
        except SyntaxError as error:
            raise RelaxSyntaxError(
                error.msg, file=filename, line=error.lineno, column=(error.offset or 1) - 1, text=error.text
            ) from error
        except ValueError as error:
            # A null byte; Python 3.12 calls it a syntax error.
            raise RelaxSyntaxError(str(error), file=filename) from error
        except (RecursionError, MemoryError) as error:
            raise RelaxSyntaxError("nested too deeply for Python's own compiler", file=filename) from error
    return tree
