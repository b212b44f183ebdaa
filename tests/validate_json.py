#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Validates JSON documents against a JSON Schema: validate_json.py [--refuse] SCHEMA FILE...

With --refuse each document must be refused. A file that ends in .jsonl holds one document a line; `-` is standard
input. Exit codes: 0 all as expected, 1 not so (each is named), 2 usage or a broken schema, 77 no python3-jsonschema.
"""
import json
import sys

try:
    import jsonschema
except ImportError:
    print("python3-jsonschema is not installed", file=sys.stderr)
    sys.exit(77)


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


def refuse_duplicates(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"duplicate key among {keys}")
    return dict(pairs)


def documents(path):
    """Yields a name and the text of each document of a file."""
    if path == "-":
        yield "standard input", sys.stdin.read()
        return
    with open(path, encoding="utf-8") as file:
        if path.endswith(".jsonl"):
            for number, line in enumerate(file, 1):
                yield f"{path}:{number}", line
        else:
            yield path, file.read()


def complaint(validator, text):
    """Returns why the document is not valid, or None."""
    try:
        document = json.loads(text, parse_constant=refuse_constant, object_pairs_hook=refuse_duplicates)
    except ValueError as error:
        return f"not one JSON document: {error}"
    error = jsonschema.exceptions.best_match(validator.iter_errors(document))
    return None if error is None else f"{error.json_path}: {error.message[:400]}"


def load_validator(path, definition=None):
    """Returns a validator of the schema file, or of a definition in it; raises jsonschema.SchemaError when it is broken."""
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    if definition is not None:
        schema = {"$schema": schema["$schema"], "$defs": schema["$defs"], "$ref": f"#/$defs/{definition}"}
    return jsonschema.Draft202012Validator(schema)


def main(arguments):
    refuse = arguments[:1] == ["--refuse"]
    if refuse:
        arguments = arguments[1:]
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        validator = load_validator(arguments[0])
    except jsonschema.SchemaError as error:
        print(f"{arguments[0]}: {error.message}", file=sys.stderr)
        return 2
    failures = 0
    for path in arguments[1:]:
        for name, text in documents(path):
            why = complaint(validator, text)
            if (why is not None) == refuse:
                continue
            failures += 1
            print(f"{name}: {why or 'was accepted, but must be refused'}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
