from radius_svc import compiled

compiled.use()
