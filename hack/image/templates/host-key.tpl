{{ config_get("user.nexus.host-key", "")|safe }}
