/* Avro to records and back, driven by a plan: what `schemas/source.py` does in Python, for where a C compiler was found.
 * A plan is a tuple that `schemas/native.py` makes from a schema: (BOOLEAN,), (LONG,), (DOUBLE,), (BYTES,), (STRING,),
 * (ENUM, {text: member}, field), (OPTIONAL, plan), (ARRAY, plan), (MAP, plan), (RECORD, class, names, plans).
 * It is grown into nodes (avro_plan.h), by which bytes are read (avro_read.h) and written (avro_write.h); avro.c is the
 * module that Python sees. All are one unit for the compiler: apart they take 2 to 3 % more time.
 */
#ifndef LEADSTREAM_AVRO_H
#define LEADSTREAM_AVRO_H
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <structmember.h>
#include <string.h>

enum kind { BOOLEAN, LONG, DOUBLE, BYTES, STRING, ENUM, OPTIONAL, ARRAY, MAP, RECORD, KINDS };
enum { FIELDS = 64, ROOM = 1024 };

struct node {
    enum kind kind;
    Py_ssize_t count;       /* of a record's fields, else of what is inside: 0 or 1 */
    struct node *inner;
    PyObject *kept;         /* borrowed from the plan: a record's class, an enum's members */
    PyObject *names;        /* borrowed too: a record's field names, an enum's field */
    PyMemberDef *slot;      /* where the record around it keeps it: its class's; NULL when only its name is known */
};

typedef struct {
    PyObject_HEAD
    PyObject *plan;         /* owns whatever the nodes borrow */
    PyObject *unknown;      /* called with a field's name, when an enum has no such member: raises */
    struct node root;
} Coder;

#endif
