// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"time"
)

// Token is a token of a GitHub App's installation. It is a secret.
type Token struct {
	Value string    `json:"value"`
	Ends  time.Time `json:"ends"` // by our own clock
	// Of says what it was made for: API, App, installation and key. It is no secret.
	Of string `json:"of"`
}

// after is the token to keep after an error: none that a server may not have taken.
func (t *Token) after(reason Reason) *Token {
	if reason == Unauthorized || reason == NoSuchRepo {
		return nil
	}
	return t
}

// ending reports whether it is time for another. No token never ends.
func (t *Token) ending() bool { return t != nil && time.Until(t.Ends) < tokenMargin }
