"""The implementations of other people that this project judges, one module for each library.

A module holds functions under our names with our arguments, each of which calls the library's
function as its users do; what is no more than a call with other names is taken from the
`equivalents` of the specification. `subject()` makes the subject.
"""
