// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// pipes are a comma list of /path?mode=NNNN&uid=N.
var pipes = option.Kind{
	Name: "named pipes", Pattern: option.ByName(fifoPath),
	Parse: func(text string) (option.Value, error) { return parseObjects(text, parseFIFO) },
}

func parseFIFO(text string) (object, error) {
	front, query, has := strings.Cut(text, "?")
	path, err := fifoPath(front)
	if err != nil {
		return object{}, err
	}
	return object{name: path, path: path}.withAttributes(path, query, has, plainAttributes)
}

// fifoPath checks the path of a named pipe, whose directory is going to be a volume.
func fifoPath(text string) (string, error) {
	if strings.ContainsAny(text, option.ListLetters) {
		return "", fmt.Errorf("must not contain any of %s", option.ListLetters)
	}
	slash := strings.LastIndexByte(text, '/')
	if slash < 1 {
		return "", errors.New("must be an absolute path in a directory, such as /run/ipc/events")
	}
	if _, err := option.FileName.Parse(text[slash+1:]); err != nil || text[slash+1:] == "" {
		return "", errors.New("must end with the name of the pipe, such as /run/ipc/events")
	}
	if _, err := option.AbsolutePath.Parse(text[:slash]); err != nil {
		return "", fmt.Errorf("is in a directory that %w", err)
	}
	return text, nil
}
