import sys

def _nodeloom():
    import posix

    Any = BaseException
    from builtins import BaseException as Any
    stdin = open(0, "rb", buffering=0, closefd=False)
    data = stdin.readall()
    head, _, rest = data.partition(b"\n")
    sizes = [int(word) for word in head.split()]
    source, given = rest[: sizes[1]], rest[sizes[1] :].decode()
    largest = sizes[6]
    answer = open(3, "wb", closefd=True)

    def reply(kind, line, text):
        text = text.encode("utf-8", "surrogatepass" if kind == 0 else "replace")
        if len(text) > largest:
            kind, text = (6, b"") if kind == 0 else (kind, text[:largest])
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except Any:
            pass
        answer.write(b"1 %d %d %d 0 0 0 0\n" % (kind, line, len(text)) + text)
        answer.flush()
        posix._exit(0)

    def line_of(error):
        line, trace = 0, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == "code.py":
                line = trace.tb_lineno
            trace = trace.tb_next
        if isinstance(error, SyntaxError) and error.filename == "code.py":
            line = error.lineno or 0
        return line

    try:
        # the accelerators of the json module without its regular expressions, which cost milliseconds to load
        import _json

        class Reading:
            strict, object_hook, object_pairs_hook = True, None, None
            parse_float, parse_int, parse_constant = float, int, float
            memo = {}

        def read(text):
            return _json.make_scanner(Reading)(text, 0)[0]

        def refuse(value):
            raise TypeError("a value of type " + type(value).__name__ + " has no JSON form")

        def write(value):
            encode = _json.make_encoder(
                {}, refuse, _json.encode_basestring, None, ":", ",", False, False, False
            )
            return "".join(encode(value, 0))

        read("[1.5]")
        write([{"a": 1}])
    except Any:
        import json

        read = json.loads

        def write(value):
            return json.dumps(value, allow_nan=False, ensure_ascii=False)

    def run(names):
        try:
            code = compile(source, "code.py", "exec", dont_inherit=True)
        except SyntaxError as error:
            if "outside function" not in str(error):
                raise
            import ast

            tree = ast.parse(source, "code.py")
            shell = ast.parse("def main(input):\n  pass")
            shell.body[0].body = tree.body
            code = compile(shell, "code.py", "exec", dont_inherit=True)
        exec(code, names)
        main = names.get("main")
        return main(names["input"]) if callable(main) else names.get("result")

    names = {"__name__": "__main__", "__builtins__": __builtins__, "input": read(given)}
    try:
        value = run(names)
    except MemoryError:
        reply(2, 0, "")
    except RecursionError as error:
        reply(4, line_of(error), "")
    except SystemExit as error:
        if error.code in (None, 0):
            value = names.get("result")
        else:
            reply(1, line_of(error), "SystemExit: " + str(error.code))
    except Any as error:
        reply(1, line_of(error), (type(error).__name__ + ": " + str(error)).removesuffix(": "))
    try:
        text = write(value)
    except MemoryError:
        reply(2, 0, "")
    except RecursionError:
        reply(5, 0, "the value is nested too deeply or contains itself")
    except Any as error:
        reply(5, 0, str(error))
    reply(0, 0, text)

_nodeloom()
