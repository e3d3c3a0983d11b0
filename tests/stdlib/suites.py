"""What is rewritten, and CPython's tests of it."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass

__all__ = ["KNOWN", "LANGUAGE", "SMALL", "SUITES", "UNPARSED", "Suite", "chosen"]


@dataclass(frozen=True)
class Suite:
    """A module ``test.NAME``, and the modules that are rewritten for it."""

    name: str
    modules: tuple[str, ...]

    def present(self) -> Suite:
        """Without the modules that this version of Python has not."""
        return Suite(self.name, tuple(name for name in self.modules if _exists(name)))


def _exists(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


_MODULES: dict[str, str] = {
    "test__colorize": "_colorize",
    "test_abc": "_py_abc",
    "test_argparse": "argparse",
    "test_ast": "ast",
    "test_base64": "base64",
    "test_binhex": "binhex",
    "test_bisect": "bisect",
    "test_calendar": "calendar",
    "test_cmd": "cmd",
    "test_code": "code",
    "test_codeop": "codeop",
    "test_collections": "_collections_abc collections",
    "test_colorsys": "colorsys",
    "test_compileall": "compileall",
    "test_configparser": "configparser",
    "test_contextlib": "contextlib",
    "test_contextlib_async": "contextlib",
    "test_copy": "copy",
    "test_csv": "csv",
    "test_dataclasses": "dataclasses",
    "test_datetime": "datetime _pydatetime _strptime",
    "test_decimal": "_pydecimal",
    "test_difflib": "difflib",
    "test_dis": "dis",
    "test_doctest": "doctest",
    "test_dynamicclassattribute": "types",
    "test_enum": "enum",
    "test_filecmp": "filecmp",
    "test_fileinput": "fileinput",
    "test_fnmatch": "fnmatch",
    "test_fractions": "fractions",
    "test_functools": "functools",
    "test_genericpath": "genericpath",
    "test_getopt": "getopt",
    "test_gettext": "gettext",
    "test_glob": "glob",
    "test_graphlib": "graphlib",
    "test_hmac": "hmac",
    "test_heapq": "heapq",
    "test_html": "html",
    "test_htmlparser": "html.parser _markupbase",
    "test_http_cookies": "http.cookies",
    "test_inspect": "inspect",
    "test_io": "_pyio",
    "test_ipaddress": "ipaddress",
    "test_json": "json json.decoder json.encoder json.scanner json.tool",
    "test_keyword": "keyword",
    "test_linecache": "linecache",
    "test_locale": "locale",
    "test_logging": "logging logging.config logging.handlers",
    "test_mimetypes": "mimetypes",
    "test_netrc": "netrc",
    "test_ntpath": "ntpath",
    "test_opcodes": "opcode",
    "test_operator": "operator",
    "test_optparse": "optparse",
    "test_ordered_dict": "collections",
    "test_pathlib": "pathlib",
    "test_pickle": "pickle",
    "test_pickletools": "pickletools pickle",
    "test_pkgutil": "pkgutil",
    "test_plistlib": "plistlib",
    "test_posixpath": "posixpath",
    "test_pprint": "pprint",
    "test_pyclbr": "pyclbr",
    "test_queue": "queue",
    "test_quopri": "quopri",
    "test_random": "random",
    "test_reprlib": "reprlib",
    "test_sched": "sched",
    "test_secrets": "secrets",
    "test_shelve": "shelve",
    "test_shlex": "shlex",
    "test_shutil": "shutil",
    "test_smtplib": "smtplib",
    "test_statistics": "statistics",
    "test_strftime": "_strptime",
    "test_string": "string",
    "test_stringprep": "stringprep",
    "test_strptime": "_strptime",
    "test_structseq": "types",
    "test_symtable": "symtable",
    "test_tabnanny": "tabnanny",
    "test_tarfile": "tarfile",
    "test_tempfile": "tempfile",
    "test_textwrap": "textwrap",
    "test_threading_local": "_threading_local",
    "test_timeit": "timeit",
    "test_tokenize": "tokenize",
    "test_tomllib": "tomllib._parser tomllib._re tomllib._types",
    "test_trace": "trace",
    "test_traceback": "traceback",
    "test_types": "types",
    "test_typing": "typing",
    "test_unparse": "ast",
    "test_urlparse": "urllib.parse",
    "test_userdict": "collections",
    "test_userlist": "collections",
    "test_userstring": "collections",
    "test_uuid": "uuid",
    "test_weakref": "weakref",
    "test_weakset": "_weakrefset",
    "test_xml_etree": "xml.etree.ElementTree xml.etree.ElementPath",
    "test_zipapp": "zipapp",
    "test_zipfile": "zipfile",
    "test_zoneinfo": "zoneinfo._zoneinfo zoneinfo._common",
}
SUITES = tuple(Suite(name, tuple(modules.split())) for name, modules in _MODULES.items())

# Tests of the language: what is rewritten are the tests themselves.
_LANGUAGE = """
test_asyncgen test_augassign test_baseexception test_binop test_bool test_call test_class test_closures test_compare
test_complex test_comprehensions test_context test_contains test_coroutines test_decorators test_defaultdict test_descr
test_descrtut test_dict test_dictcomps test_dictviews test_dynamic test_enumerate test_except_star test_exception_group
test_exception_hierarchy test_exception_variations test_extcall test_float test_format test_frame test_fstring test_funcattrs
test_generators test_generator_stop test_genericalias test_genericclass test_genexps test_global test_grammar test_hash
test_index test_int test_isinstance test_iter test_iterlen test_keywordonlyarg test_lambda test_list test_listcomps
test_long test_metaclass test_module test_named_expressions test_nonlocal test_numeric_tower test_opcache test_operator
test_patma test_positional_only_arg test_pow test_property test_raise test_range test_richcmp test_scope test_set
test_setcomps test_slice test_sort test_str test_strtod test_subclassinit test_super test_tuple test_type_aliases
test_type_annotations test_type_comments test_type_params test_typechecks test_unary test_unpack test_unpack_ex
test_userlist test_utf8source test_weakref test_with test_yield_from test_zip_implicit
""".split()
LANGUAGE = tuple(Suite(name, (f"test.{name}",)) for name in _LANGUAGE if _exists(f"test.{name}"))

# What fits into a test suite that is run often.
SMALL = (
    "test_bisect", "test_colorsys", "test_fnmatch", "test_fractions", "test_graphlib", "test_heapq",
    "test_shlex", "test_statistics", "test_textwrap",
)  # fmt: skip

_FRAMES = "the recursion limit is what the original takes and no more; a call of the runtime takes a frame"
_FIRST = "it takes the first of sys.meta_path for its own finder, and takes it away: the import hook stays first"
_ITSELF = "it compares the code of a function of the rewritten module itself"
_TRACED = "the tracer, which is rewritten, counts the lines of the runtime that it runs itself while it traces"
_EVENTS = "sys.settrace tells of the lines of a `match` once for each of the statements that it is rewritten to"
# Lines that libcst cannot parse, by module: the file would be refused, with the line. They are left out of original and copy.
UNPARSED = {"test.test_grammar": "            (no_such_global): int\n"}
# Tests that may differ, and why that is not the rewriter's fault.
KNOWN: dict[str, str] = {
    "test_inline_array_recursion_limit": _FRAMES,
    "test_inline_table_recursion_limit": _FRAMES,
    "test_dis.CodeInfoTests": _ITSELF,
    "test_dis.BytecodeTests.test_info": _ITSELF,
    "test_frame.FrameAttrsTest.test_locals": "locals of a frame show the name that says whether its call is an outermost one",
    "test_frame.ReprTest.test_repr": "a frame that has ended stands in the gate, which has no line of the user's",
    "test_patma.TestTracing": _EVENTS,
    "test_pkgutil.PkgutilTests": _FIRST,
    "test_trace.": _TRACED,
    "TestIncompleteFrameAreInvisible.test_sneaky_frame_object": "it counts on whose call makes the next allocation",
}


def chosen(names: frozenset[str]) -> list[Suite]:
    """The suites of these names, or of modules with these names; all if there are none."""
    every = [*SUITES, *LANGUAGE]
    if not names:
        return [suite.present() for suite in every if _exists(f"test.{suite.name}")]
    found = [suite.present() for suite in every if names & {suite.name, *suite.modules}]
    unknown = names.difference(*({suite.name, *suite.modules} for suite in found))
    if unknown:
        sys.exit(f"no suite is about {', '.join(sorted(unknown))}")
    return found
