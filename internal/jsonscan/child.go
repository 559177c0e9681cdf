// SPDX-License-Identifier: Apache-2.0

package jsonscan

import (
	"errors"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ErrAbsent is what [Child] returns of something that is not there.
var ErrAbsent = errors.New("it is absent")

// Child reads one member of an object or one element of an array.
func Child(value jsontext.Value, token string) (jsontext.Value, error) {
	if value.Kind() == '[' {
		var list []jsontext.Value
		if err := jsonv2.Unmarshal(value, &list); err != nil {
			return nil, err
		}
		if i, err := strconv.Atoi(token); err == nil && i < len(list) {
			return list[i], nil
		}
		return nil, ErrAbsent
	}
	var object map[string]jsontext.Value
	if err := jsonv2.Unmarshal(value, &object); err != nil {
		return nil, err
	}
	if object[token] == nil {
		return nil, ErrAbsent
	}
	return object[token], nil
}
