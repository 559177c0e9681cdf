// SPDX-License-Identifier: Apache-2.0

package start

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pillion-dev/pillion/internal/inject/option"
)

// umasks are a comma list of container=NNNN.
var umasks = option.Kind{Name: "umasks", NamesContainers: true, Parse: parseUmasks, Pattern: option.ByName(parseMask)}

// parseMask reads the octal number of umask(2): "0002", "002" or "2".
func parseMask(text string) (string, error) {
	n, err := option.Octal(text)
	if err != nil {
		return "", errors.New("must be an octal mask from 0000 to 0777, such as 0002")
	}
	return fmt.Sprintf("%04o", n), nil
}

func parseUmasks(text string) (option.Value, error) {
	var seen []string
	return parsePairs(text, "web=0002", func(p *pair) (err error) {
		if slices.Contains(seen, p.name) {
			return errors.New("is the second mask of this container")
		}
		seen = append(seen, p.name)
		p.value, err = parseMask(p.value)
		return err
	})
}
