// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"cmp"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// unreadable is the error of a document that is no YAML, or no JSON.
type unreadable struct {
	file string
	line int // of the document, in its file
	err  error
}

func (u *unreadable) Error() string { return u.err.Error() }
func (u *unreadable) Unwrap() error { return u.err }

// yamlLine is how the YAML libraries name a line, counted in the document.
var yamlLine = regexp.MustCompile(`(^|yaml: |\n\s*)line (\d+): `)

// at is the line of the file and what is wrong there.
func (u *unreadable) at() (line int, text string) {
	text = cmp.Or(errors.Unwrap(u.err), u.err).Error()
	match := yamlLine.FindStringSubmatchIndex(text)
	if match == nil {
		return u.line, strings.TrimPrefix(text, "yaml: ")
	}
	n, _ := strconv.Atoi(text[match[4]:match[5]])
	return u.line + n - 1, strings.TrimSpace(text[match[1]:])
}

// lineAt is the line of a field in the file of a document; that of the document if there is no
// better one, and 0 for JSON on one line.
func (d *document) lineAt(l *lines, field string) int {
	if bytes.HasPrefix(bytes.TrimSpace(d.text), []byte("{")) && bytes.Count(bytes.TrimSpace(d.text), []byte("\n")) == 0 {
		return 0
	}
	if line := l.at(field, "").Line; line > 0 {
		return d.line + line - 1
	}
	return d.line
}

// texts are a document as YAML before and after a patch, written alike, so that they differ in
// what the patch adds alone.
func (d *document) texts(patch, patched []byte) (before, after string, err error) {
	if patch == nil {
		return "", "", nil
	}
	if !bytes.HasPrefix(bytes.TrimSpace(d.text), []byte("{")) {
		plain, err := patchYAML(d.text, nil)
		with, err2 := patchYAML(d.text, [][]byte{patch})
		if err == nil && err2 == nil && sameAsJSON(with, patched) {
			return string(plain), string(with), nil
		}
	}
	plain, err := yaml.JSONToYAML(d.json)
	if err != nil {
		return "", "", err
	}
	with, err := yaml.JSONToYAML(patched)
	return string(plain), string(with), err
}
