// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
)

// Exit codes. A script can tell "your pod would be denied" from "I could not check".
const (
	exitOK      = 0
	exitRefused = 1 // the answer is no: a pod is denied, or lacks what it requests, or a test fails, or a check fails
	exitFailed  = 2 // there is no answer: a file, flag or policy is wrong, or the cluster is away or shows too little
)

// errRefused ends a command whose answer is no, and which has said why.
var errRefused = errors.New("denied")
