/* A plan, grown into nodes. */
#include "avro.h"

static void drop(struct node *node) {
    for (Py_ssize_t i = 0; i < node->count; i++) drop(&node->inner[i]);
    PyMem_Free(node->inner);
    node->inner = NULL;
    node->count = 0;
}

static PyMemberDef *slot_of(PyObject *class, PyObject *name) {
    PyObject *found = PyObject_GetAttr(class, name);
    if (!found) return PyErr_Clear(), NULL;
    PyMemberDef *slot = Py_IS_TYPE(found, &PyMemberDescr_Type) ? ((PyMemberDescrObject *)found)->d_member : NULL;
    Py_DECREF(found); /* its class keeps it */
    return slot;
}

static int grow(struct node *node, PyObject *plan, int depth) {
    memset(node, 0, sizeof *node);
    if (!PyTuple_Check(plan) || PyTuple_GET_SIZE(plan) < 1 || depth > 32) goto bad;
    long kind = PyLong_AsLong(PyTuple_GET_ITEM(plan, 0));
    if (kind < 0 || kind >= KINDS) goto bad;
    static const Py_ssize_t sizes[KINDS] = {1, 1, 1, 1, 1, 3, 2, 2, 2, 4};
    if (PyTuple_GET_SIZE(plan) != sizes[kind]) goto bad;
    node->kind = (enum kind)kind;
    if (kind == ENUM) {
        node->kept = PyTuple_GET_ITEM(plan, 1);
        node->names = PyTuple_GET_ITEM(plan, 2);
        if (!PyDict_Check(node->kept)) goto bad;
        return 0;
    }
    if (kind < ENUM) return 0;
    PyObject *plans = NULL;
    Py_ssize_t count = 1;
    if (kind == RECORD) {
        node->kept = PyTuple_GET_ITEM(plan, 1);
        node->names = PyTuple_GET_ITEM(plan, 2);
        plans = PyTuple_GET_ITEM(plan, 3);
        if (!PyTuple_Check(node->names) || !PyTuple_Check(plans)) goto bad;
        count = PyTuple_GET_SIZE(plans);
        if (count < 1 || count > FIELDS || count != PyTuple_GET_SIZE(node->names)) goto bad;
    }
    node->inner = PyMem_Calloc((size_t)count, sizeof *node);
    if (!node->inner) return PyErr_NoMemory(), -1;
    node->count = count;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (grow(&node->inner[i], PyTuple_GET_ITEM(plans ? plans : plan, plans ? i : 1), depth + 1) < 0) return -1;
        if (kind == RECORD) node->inner[i].slot = slot_of(node->kept, PyTuple_GET_ITEM(node->names, i));
    }
    return 0;
bad:
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "not a plan");
    return -1;
}
