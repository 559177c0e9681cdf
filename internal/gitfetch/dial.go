// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
)

func (f *fetcher) dial(ctx context.Context) (remote, error) {
	r, err := f.route()
	if err != nil {
		return nil, err
	}
	if f.endpoint.Scheme == "ssh" {
		return newSSHRemote(f.endpoint, f.AuthDir, r)
	}
	login, err := f.login(ctx, r)
	if err != nil {
		return nil, err
	}
	f.session.secrets = append(f.session.secrets, login.secrets()...)
	return newHTTPRemote(f.endpoint, &f.Request, login, r)
}

// login returns the credentials for an http server, nil for none.
func (f *fetcher) login(ctx context.Context, r *route) (*basicAuth, error) {
	switch f.Auth {
	case AuthBasic:
		return readBasicAuth(f.AuthDir)
	case AuthGitHubApp:
		return f.appLogin(ctx, r)
	}
	return nil, nil
}
